package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/joho/godotenv"
	"github.com/spf13/pflag"

	"github.com/foresort/foresort/genesys"
)

// setting is one thing that can be set from outside. The first of these that
// says something wins: flag, environment, .env, profile, default.
type setting struct {
	key      string   // its name in a profile and in docs/config.md
	flag     string   // empty: no flag
	env      []string // all names that mean it
	fallback string   // the default, where it is a fixed text
	doc      string
	profile  bool // may stand in a profile
	who      bool // says which organisation is spoken to, and as whom
}

// settingTable drives flags, environment, profiles and docs/config.md.
var settingTable = []setting{
	{
		key: "profile", flag: "profile", env: []string{"FORESORT_PROFILE"},
		doc: "which profile of the config file to use; none if not set",
	},
	{
		key: "config", flag: "config", env: []string{"FORESORT_CONFIG"},
		doc: "the config file with the profiles; `$XDG_CONFIG_HOME/foresort/config.yaml`, else `~/.config/foresort/config.yaml`",
	},
	{
		key: "region", flag: "region", env: []string{"GENESYS_REGION", "GENESYSCLOUD_REGION"}, profile: true, who: true,
		fallback: "us-east-1", doc: "the region of the organisation: a name such as `eu-central-1`, or a domain such as `mypurecloud.de`",
	},
	{
		key: "gateway", flag: "gateway", env: []string{"FORESORT_GATEWAY", gatewayParts}, profile: true, who: true,
		doc: "a base URL that answers for both login and API, in place of the region's hosts: an API gateway, or a sandbox",
	},
	{
		key: "clientId", env: []string{"GENESYS_CLIENT_ID", "GENESYSCLOUD_OAUTHCLIENT_ID"}, profile: true, who: true,
		doc: "id of an OAuth client with the client credentials grant",
	},
	{
		key: "clientSecret", env: []string{"GENESYS_CLIENT_SECRET", "GENESYSCLOUD_OAUTHCLIENT_SECRET"}, profile: true, who: true,
		doc: "its secret; in a profile better `clientSecretEnv`, the name of the variable that holds it",
	},
	{
		key: "state", flag: "state", env: []string{"FORESORT_STATE"}, profile: true,
		doc: "the folder of the database, the ledger's key and what is remembered; `$XDG_STATE_HOME/foresort`, else `~/.local/state/foresort`",
	},
	{
		key: "database", flag: "database", env: []string{"FORESORT_DATABASE"}, profile: true,
		doc: "the database: a file, or the `postgres://` address of one that several machines share; `foresort.db` in the state folder",
	},
	{
		key: "retries", flag: "retries", env: []string{"FORESORT_RETRIES"}, profile: true,
		fallback: "3", doc: "how often a request that may be repeated is repeated",
	},
	{
		key: "perMinute", flag: "per-minute", env: []string{"FORESORT_PER_MINUTE"}, profile: true,
		fallback: "240", doc: "requests a minute that Foresort allows itself; the platform's default limit is 300",
	},
	{
		key: "requireApproval", env: []string{"FORESORT_REQUIRE_APPROVAL"}, profile: true,
		fallback: "no", doc: "what `apply` demands: `no`, `any` (a saved plan that is approved), `other` (by another account than that which applies); `--require-approval` can demand more, not less",
	},
}

// gatewayParts is what other Genesys Cloud tools read: three variables that
// make one URL.
const gatewayParts = "GENESYSCLOUD_GATEWAY_HOST"

// addSettingFlags makes a flag of each setting that has one. A secret has
// none: every user of a machine can read the arguments of its processes, and
// shells keep them in their history.
func addSettingFlags(flags *pflag.FlagSet, into map[string]*string) {
	for _, d := range settingTable {
		if d.flag != "" {
			into[d.key] = flags.String(d.flag, "", d.usage())
		}
	}
}

// usage is the flag's line in the help, with its variable and default.
func (d setting) usage() string {
	doc := strings.ReplaceAll(d.doc, "`", "")
	if d.fallback != "" {
		doc += " (default " + d.fallback + ")"
	}
	return doc + " [$" + d.env[0] + "]"
}

// value is a setting that was found, and where.
type value struct{ text, from string }

// settings are the values that hold for this run.
type settings struct{ values map[string]value }

// text is the value of a setting; empty if nothing set it.
func (s settings) text(key string) string { return s.values[key].text }

// from says where the value of a setting comes from.
func (s settings) from(key string) string { return s.values[key].from }

// settings looks all settings up. Every conflict and every wrong file is an
// error that names its places; values are only named where they are no secret.
func (s *shell) settings() (settings, error) {
	found := settings{values: map[string]value{}}
	dotenv, err := godotenv.Read(".env")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return found, dotenvError(err)
	}
	lookup := func(name string) value {
		if v := s.getenv(name); v != "" {
			return value{v, "$" + name}
		}
		if v := dotenv[name]; v != "" {
			return value{v, ".env, " + name}
		}
		return value{}
	}
	for _, d := range settingTable {
		if p := s.flags[d.key]; p != nil && *p != "" {
			found.values[d.key] = value{*p, "--" + d.flag}
			continue
		}
		v, err := fromEnv(d, lookup)
		if err != nil {
			return found, err
		}
		if v.text != "" {
			found.values[d.key] = v
		}
	}
	if err := s.addProfile(found, lookup); err != nil {
		return found, err
	}
	for _, d := range settingTable {
		if _, ok := found.values[d.key]; !ok && d.fallback != "" {
			found.values[d.key] = value{d.fallback, "default"}
		}
	}
	if found.text("state") == "" {
		found.values["state"] = value{filepath.Join(s.base("XDG_STATE_HOME", ".local/state"), "foresort"), "default"}
	}
	return found, nil
}

// dotenvError says where .env cannot be read. The parser's own words quote the
// file, and there may be a secret in it.
func dotenvError(err error) error {
	if errors.As(err, new(*fs.PathError)) {
		return invalid("", "read .env: %w", err)
	}
	src, _ := os.ReadFile(".env")
	lines := strings.Split(string(src), "\n")
	for i := range lines {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:i+1], "\n") + "\n"); err != nil && !closes(lines, i) {
			return invalid("write NAME=value, with a quote at both ends of the value or at neither", ".env:%d: this is no setting", i+1)
		}
	}
	return invalid("write NAME=value on every line", ".env cannot be read")
}

// closes says whether what starts at line i is whole only with later lines.
func closes(lines []string, i int) bool {
	for end := i + 2; end <= len(lines); end++ {
		if _, err := godotenv.Unmarshal(strings.Join(lines[:end], "\n") + "\n"); err == nil {
			return true
		}
	}
	return false
}

// fromEnv reads a setting from the environment, or else from .env. Two names
// of one setting in the same place must not contradict each other.
func fromEnv(d setting, lookup func(string) value) (value, error) {
	var found value
	for _, name := range d.env {
		v := lookup(name)
		if name == gatewayParts {
			v = joinGateway(v, lookup)
		}
		outranked := strings.HasPrefix(found.from, "$") && strings.HasPrefix(v.from, ".env")
		switch {
		case v.text == "" || outranked:
		case found.text == "" || strings.HasPrefix(found.from, ".env") && strings.HasPrefix(v.from, "$"):
			found = v
		case found.text != v.text:
			return value{}, invalid("unset one of the two", "%s and %s both set the %s, to different values", found.from, v.from, d.key)
		}
	}
	return found, nil
}

// joinGateway makes the URL of host, protocol and port.
func joinGateway(host value, lookup func(string) value) value {
	if host.text == "" {
		return value{}
	}
	u := cmp.Or(lookup("GENESYSCLOUD_GATEWAY_PROTOCOL").text, "https") + "://" + host.text
	if port := lookup("GENESYSCLOUD_GATEWAY_PORT").text; port != "" {
		u += ":" + port
	}
	return value{u, host.from}
}

// base is a folder of the XDG base directory rules, on every system the same.
func (s *shell) base(variable, below string) string {
	if dir := s.getenv(variable); dir != "" {
		return dir
	}
	home := s.getenv("HOME")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	return filepath.Join(home, below)
}

// variableName is what the name of an environment variable looks like.
var variableName = regexp.MustCompile(`^[A-Z_][A-Z0-9_]*$`)

// profile is one organisation of the config file.
type profile struct {
	Region          string `yaml:"region"`
	Gateway         string `yaml:"gateway"`
	ClientID        string `yaml:"clientId"`
	ClientSecret    string `yaml:"clientSecret"`
	ClientSecretEnv string `yaml:"clientSecretEnv"`
	State           string `yaml:"state"`
	Database        string `yaml:"database"`
	Retries         string `yaml:"retries"`
	PerMinute       string `yaml:"perMinute"`
	RequireApproval string `yaml:"requireApproval"`
}

// addProfile fills in from the profile what nothing else has set. A profile
// that was named on the command line and a variable that says otherwise are a
// contradiction: nobody should write to the wrong organisation because of a
// variable that was forgotten.
func (s *shell) addProfile(found settings, lookup func(string) value) error {
	name := found.text("profile")
	if name == "" {
		return nil
	}
	file := cmp.Or(found.text("config"), filepath.Join(s.base("XDG_CONFIG_HOME", ".config"), "foresort", "config.yaml"))
	p, err := readProfile(file, name)
	if err != nil {
		return err
	}
	from := "profile " + name
	if p.ClientSecretEnv != "" {
		secret := lookup(p.ClientSecretEnv)
		if secret.text == "" {
			shown := p.ClientSecretEnv
			if !variableName.MatchString(shown) {
				shown = "clientSecretEnv, which must be the name of a variable" // it may be the secret itself
			}
			return invalid("set it, or put it into .env", "profile %s of %s takes its secret from %s, which is not set", name, file, shown)
		}
		p.ClientSecret = secret.text
	}
	for _, d := range settingTable {
		text := p.get(d.key)
		if text == "" {
			continue
		}
		have, ok := found.values[d.key]
		switch {
		case !ok:
			found.values[d.key] = value{text, from}
		case d.who && found.from("profile") == "--profile" && !strings.HasPrefix(have.from, "--") && have.text != text:
			return invalid("unset the variable, or leave --profile out",
				"--profile %s and %s both set the %s, to different values", name, have.from, d.key)
		}
	}
	return nil
}

func (p profile) get(key string) string {
	return map[string]string{
		"region": p.Region, "gateway": p.Gateway, "clientId": p.ClientID, "clientSecret": p.ClientSecret,
		"state": p.State, "retries": p.Retries, "perMinute": p.PerMinute,
		"database": p.Database, "requireApproval": p.RequireApproval,
	}[key]
}

// readProfile reads one profile. A file that holds a secret in clear text must
// be readable by its owner only.
func readProfile(file, name string) (profile, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return profile{}, invalid("write it, or leave the profile out; docs/config.md shows one", "profile %s: there is no %s", name, file)
	}
	if err != nil {
		return profile{}, invalid("", "profile %s: %w", name, err)
	}
	var config struct {
		Profiles map[string]profile `yaml:"profiles"`
	}
	if err := yaml.UnmarshalWithOptions(data, &config, yaml.Strict()); err != nil {
		// The YAML error quotes lines of the file, and there may be a secret in them.
		var yamlError yaml.Error
		if errors.As(err, &yamlError) && yamlError.GetToken() != nil {
			at := yamlError.GetToken().Position
			message := "this is not the YAML of a config file"
			if errors.As(err, new(*yaml.UnknownFieldError)) { // which names a key
				message = yamlError.GetMessage()
			}
			return profile{}, invalid("docs/config.md shows one", "read %s:%d:%d: %s", file, at.Line, at.Column, message)
		}
		return profile{}, invalid("", "read %s: it is not the YAML of a config file", file)
	}
	for _, p := range config.Profiles {
		if p.ClientSecret == "" || runtime.GOOS == "windows" {
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			return profile{}, err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return profile{}, invalid("chmod 600 "+file+", or use clientSecretEnv in place of clientSecret",
				"%s holds a secret and others may read it (mode %04o)", file, info.Mode().Perm())
		}
	}
	p, ok := config.Profiles[name]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(config.Profiles)), ", ")
		return profile{}, invalid("it has: "+cmp.Or(known, "none"), "%s has no profile %s", file, name)
	}
	return p, nil
}

// genesys turns the settings into those of the API client.
func (s settings) genesys() (genesys.Config, error) {
	// A gateway stands in for the region: whoever names a region with more
	// authority than the gateway has would speak to another organisation.
	if rank(s.from("region")) < rank(s.from("gateway")) {
		return genesys.Config{}, invalid("take one of the two away", "%s names the region %s, and %s the gateway %s, which would be used instead",
			s.from("region"), s.text("region"), s.from("gateway"), s.text("gateway"))
	}
	cfg := genesys.Config{
		Region: s.text("region"), Gateway: s.text("gateway"),
		ClientID: s.text("clientId"), ClientSecret: genesys.Secret(s.text("clientSecret")),
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" {
		return cfg, invalid("set GENESYS_CLIENT_ID and GENESYS_CLIENT_SECRET, or name a profile; without an organisation: foresort sandbox",
			"no OAuth client: its %s not set", missingPart(cfg.ClientID == "", cfg.ClientSecret == ""))
	}
	for key, into := range map[string]*int{"retries": &cfg.Retries, "perMinute": &cfg.PerMinute} {
		n, err := strconv.Atoi(s.text(key))
		if err != nil || n < 0 {
			return cfg, invalid("", "%s (%s): %q is not a whole number from 0", key, s.from(key), s.text(key))
		}
		*into = n
	}
	if cfg.Retries == 0 {
		cfg.Retries = -1 // to the client zero is its default
	}
	return cfg, nil
}

// rank orders where values come from: a flag, the environment, .env, a profile,
// a default; nothing at all.
func rank(from string) int {
	for i, prefix := range []string{"--", "$", ".env", "profile", "default"} {
		if strings.HasPrefix(from, prefix) {
			return i
		}
	}
	return -1
}

func missingPart(id, secret bool) string {
	switch {
	case id && secret:
		return "id and secret are"
	case id:
		return "id is"
	default:
		return "secret is"
	}
}

// stateDir makes the state folder, for its owner only, and names it.
func (s settings) stateDir() (string, error) {
	dir := s.text("state")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make the state folder: %w", err)
	}
	return dir, nil
}
