package sandbox

import "net/http"

// settingHandlers answer for what holds for the routing of the whole
// organisation.
var settingHandlers = map[string]handler{
	"getRoutingSettings": func(*call) (int, any, error) {
		return http.StatusOK, object{"resetAgentScoreOnPresenceChange": false}, nil
	},
	"getRoutingAvailablemediatypes": getRoutingAvailablemediatypes,
	"getRoutingEmailSetup": func(*call) (int, any, error) {
		return http.StatusOK, object{"rootDomain": rootDomain}, nil
	},
}

// rootDomain is below which the platform hosts sub-domains.
const rootDomain = "mail.sandbox.example"

func getRoutingAvailablemediatypes(*call) (int, any, error) {
	all := []object{}
	for _, media := range []string{"call", "callback", "chat", "email", "message"} {
		all = append(all, object{"mediaType": media, "availableSubTypes": []string{}})
	}
	return http.StatusOK, object{"entities": all}, nil
}

// notImitated is the answer to a request that the sandbox takes only in part.
func notImitated(what string) *failure {
	return fail(http.StatusNotImplemented, "not.implemented", "the sandbox does not imitate %s", what)
}
