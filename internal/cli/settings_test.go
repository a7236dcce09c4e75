package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// found runs foresort doctor's first step, the lookup of the settings, in a
// folder of its own.
func found(t *testing.T, environment map[string]string, files map[string]string, args ...string) (map[string]value, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, text := range files {
		mode := os.FileMode(0o600)
		name, open := strings.CutPrefix(name, "open:")
		if open {
			mode = 0o644
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	s := newShell(env{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}, func(name string) string {
		if name == "HOME" {
			return "home"
		}
		return environment[name]
	}})
	if err := newRoot(s).ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	set, err := s.settings()
	return set.values, err
}

const profiles = `
profiles:
  prod:
    region: eu-central-1
    clientId: prod-id
    clientSecretEnv: PROD_SECRET
    retries: 7
`

func TestSettingsComeFromTheFirstPlaceThatHasThem(t *testing.T) { //nolint:paralleltest // it changes the working folder
	tests := map[string]struct {
		env   map[string]string
		files map[string]string
		args  []string
		want  map[string]value
	}{
		"nothing set": {want: map[string]value{
			"region": {"us-east-1", "default"}, "retries": {"3", "default"}, "state": {"home/.local/state/foresort", "default"},
		}},
		"flag before environment": {
			env: map[string]string{"GENESYS_REGION": "eu-west-1"}, args: []string{"--region", "eu-west-2"},
			want: map[string]value{"region": {"eu-west-2", "--region"}},
		},
		"environment before .env, whatever the name": {
			env: map[string]string{"GENESYSCLOUD_REGION": "eu-west-1"}, files: map[string]string{".env": "GENESYS_REGION=eu-west-2\nGENESYS_CLIENT_ID=from-file\n"},
			want: map[string]value{"region": {"eu-west-1", "$GENESYSCLOUD_REGION"}, "clientId": {"from-file", ".env, GENESYS_CLIENT_ID"}},
		},
		"both names with one value": {
			env:  map[string]string{"GENESYS_CLIENT_ID": "same", "GENESYSCLOUD_OAUTHCLIENT_ID": "same"},
			want: map[string]value{"clientId": {"same", "$GENESYS_CLIENT_ID"}},
		},
		"profile after the environment": {
			env:   map[string]string{"FORESORT_PROFILE": "prod", "PROD_SECRET": "hush", "GENESYS_REGION": "eu-west-1"},
			files: map[string]string{"home/.config/foresort/config.yaml": profiles},
			want: map[string]value{
				"region": {"eu-west-1", "$GENESYS_REGION"}, "clientId": {"prod-id", "profile prod"},
				"clientSecret": {"hush", "profile prod"}, "retries": {"7", "profile prod"},
			},
		},
		"a file with a secret that only its owner reads": {
			files: map[string]string{"c.yaml": "profiles: {prod: {clientSecret: hush}}"}, args: []string{"--config", "c.yaml", "--profile", "prod"},
			want: map[string]value{"clientSecret": {"hush", "profile prod"}},
		},
		"gateway in three parts": {
			env:  map[string]string{"GENESYSCLOUD_GATEWAY_HOST": "127.0.0.1", "GENESYSCLOUD_GATEWAY_PORT": "8180", "GENESYSCLOUD_GATEWAY_PROTOCOL": "http", "FORESORT_GATEWAY": "http://127.0.0.1:8180"},
			want: map[string]value{"gateway": {"http://127.0.0.1:8180", "$FORESORT_GATEWAY"}},
		},
		"state below the XDG folder": {
			env:  map[string]string{"XDG_STATE_HOME": "/var/state"},
			want: map[string]value{"state": {"/var/state/foresort", "default"}},
		},
	}
	for name, tt := range tests { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			got, err := found(t, tt.env, tt.files, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range tt.want {
				if d := cmp.Diff(want, got[key], cmp.AllowUnexported(value{})); d != "" {
					t.Errorf("%s (-want +got):\n%s", key, d)
				}
			}
		})
	}
}

func TestEverySettingOfAProfileCanStandInOne(t *testing.T) { //nolint:paralleltest // it changes the working folder
	for _, d := range settingTable {
		if !d.profile {
			continue
		}
		got, err := found(t, nil, map[string]string{"c.yaml": "profiles: {prod: {" + d.key + ": something}}"}, "--config", "c.yaml", "--profile", "prod")
		if err != nil || got[d.key].text != "something" {
			t.Errorf("%s: %v, %v", d.key, got[d.key], err)
		}
	}
}

func TestSettingsThatContradictAreRefusedWithBothPlaces(t *testing.T) { //nolint:paralleltest // it changes the working folder
	tests := map[string]struct {
		env   map[string]string
		files map[string]string
		args  []string
		want  string
	}{
		"two names, two ids": {
			env:  map[string]string{"GENESYS_CLIENT_ID": "one", "GENESYSCLOUD_OAUTHCLIENT_ID": "two"},
			want: "$GENESYS_CLIENT_ID and $GENESYSCLOUD_OAUTHCLIENT_ID both set the clientId, to different values",
		},
		"two names in .env": {
			files: map[string]string{".env": "GENESYS_REGION=eu-west-1\nGENESYSCLOUD_REGION=eu-west-2\n"},
			want:  ".env, GENESYS_REGION and .env, GENESYSCLOUD_REGION both set the region, to different values",
		},
		"profile by flag, another client in the environment": {
			env:   map[string]string{"GENESYS_CLIENT_ID": "other", "PROD_SECRET": "hush"},
			files: map[string]string{"home/.config/foresort/config.yaml": profiles}, args: []string{"--profile", "prod"},
			want: "--profile prod and $GENESYS_CLIENT_ID both set the clientId, to different values",
		},
		"no such profile": {
			env:   map[string]string{"FORESORT_PROFILE": "prd"},
			files: map[string]string{"home/.config/foresort/config.yaml": profiles},
			want:  "home/.config/foresort/config.yaml has no profile prd",
		},
		"no config file": {
			args: []string{"--profile", "prod"}, want: "profile prod: there is no home/.config/foresort/config.yaml",
		},
		"the secret's variable is not set": {
			files: map[string]string{"home/.config/foresort/config.yaml": profiles}, args: []string{"--profile", "prod"},
			want: "takes its secret from PROD_SECRET, which is not set",
		},
		"a secret that others may read": {
			files: map[string]string{"open:c.yaml": "profiles: {prod: {clientSecret: hush}}"}, args: []string{"--config", "c.yaml", "--profile", "prod"},
			want: "c.yaml holds a secret and others may read it (mode 0644)",
		},
		"an unknown key": {
			files: map[string]string{"c.yaml": "profiles: {prod: {clientSecret: hush, regoin: x}}"}, args: []string{"--config", "c.yaml", "--profile", "prod"},
			want: `read c.yaml:1:39: unknown field "regoin"`,
		},
	}
	for name, tt := range tests { //nolint:paralleltest // as above
		t.Run(name, func(t *testing.T) {
			_, err := found(t, tt.env, tt.files, tt.args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error is %v, want %q in it", err, tt.want)
			}
			if strings.Contains(err.Error(), "hush") {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}
