package sandbox

import (
	"fmt"
	"strconv"

	"github.com/foresort/foresort/sandbox/centre"
)

// This file names conversations: their ids follow from the seed and the number
// of their first leg, so that none needs to be kept.

// conversationID is the id of the conversation whose first leg has a number.
func (s *Server) conversationID(n int) string {
	h := s.scramble(uint64(n), "conversation")
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", s.cipher(uint32(n), false), h>>48, h>>36&0xfff, 0x8000|h>>22&0x3fff, s.scramble(h, "tail")&0xffffffffffff)
}

// conversation is the first leg of a conversation and its number; nil where
// there is none, or none that is kept.
func (s *Server) conversation(id string) (*centre.Leg, int) {
	if s.life == nil || len(id) < 8 {
		return nil, 0
	}
	x, err := strconv.ParseUint(id[:8], 16, 32)
	if err != nil {
		return nil, 0
	}
	n := int(s.cipher(uint32(x), true))
	l := s.life.centre.Leg(n)
	if l == nil || l.Conversation != n || s.conversationID(n) != id {
		return nil, 0
	}
	return l, n
}

// partID is the id of a part of a conversation: a participant, session or
// message.
func (s *Server) partID(leg int, part string) string {
	a, b := s.scramble(uint64(leg), part), s.scramble(uint64(leg), part+"'")
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// scramble is a hash of a number and a word.
func (s *Server) scramble(n uint64, word string) uint64 {
	var room [96]byte
	b := append(strconv.AppendUint(room[:0], s.options.Seed, 10), ' ')
	b = append(append(strconv.AppendUint(b, n, 10), ' '), word...)
	x := uint64(14695981039346656037) // FNV-1a; a hash.Hash would be allocated each time
	for _, c := range b {
		x = (x ^ uint64(c)) * 1099511628211
	}
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// cipher is a permutation of the numbers of 32 bits, and back: four rounds of a
// Feistel network.
func (s *Server) cipher(x uint32, back bool) uint32 {
	l, r := x>>16, x&0xffff
	for i := range 4 {
		round := i
		if back {
			round = 3 - i
		}
		l, r = r, l^uint32(s.scramble(uint64(r), "round "+strconv.Itoa(round)))&0xffff
	}
	return r<<16 | l
}
