package sandbox

import (
	"testing"

	"github.com/foresort/foresort/routing"
)

func TestLastAgentRoutingIsOffWhereEmailIsRoutedOtherwise(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		queue string // beside lastAgentRoutingMode
		want  routing.LastAgent
	}{
		"nothing else":                          {`"routingRules":[],"conditionalGroupRouting":{"rules":[]},"directRouting":null`, routing.LastAgentAny},
		"preferred agents":                      {`"routingRules":[{"operator":"ANY","waitSeconds":2}]`, routing.LastAgentOff},
		"conditional groups":                    {`"conditionalGroupRouting":{"rules":[{"metric":"EstimatedWaitTime"}]}`, routing.LastAgentOff},
		"conditional activation, another thing": {`"conditionalGroupActivation":{"rules":[{}]}`, routing.LastAgentAny},
		"direct routing of email":               {`"directRouting":{"emailMediaSettings":{}}`, routing.LastAgentOff},
		"direct routing that names no medium":   {`"directRouting":{"waitForAgent":true}`, routing.LastAgentOff},
		"direct routing of calls":               {`"directRouting":{"callMediaSettings":{},"waitForAgent":true}`, routing.LastAgentAny},
		"direct routing of messages":            {`"directRouting":{"messageMediaSettings":{},"waitForAgent":true}`, routing.LastAgentAny},
		"direct routing without settings":       {`"directRouting":{"emailMediaSettings":null}`, routing.LastAgentAny},
	} {
		q, err := parse[object]([]byte(`{"lastAgentRoutingMode":"AnyAgent",` + tt.queue + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := *queueSettings(q).LastAgent; got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
