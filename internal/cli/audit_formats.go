package cli

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/internal/ledger"
	"github.com/foresort/foresort/relay"
)

// auditFormats are the forms of an audit.
var auditFormats = map[string]func(io.Writer, paint, audit) error{
	"text": auditText, "jsonl": auditJSONL, "csv": auditCSV, "ocsf": auditOCSF,
}

func auditJSONL(w io.Writer, _ paint, a audit) error {
	return writeLines(w, a, func(t ledger.Trace) any { return t })
}

// writeLines writes an object a line for each change.
func writeLines(w io.Writer, a audit, form func(ledger.Trace) any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, t := range a.Changes {
		if err := enc.Encode(form(t)); err != nil {
			return err
		}
	}
	return nil
}

// auditCSV has a line for each changed field, and for a change without any.
func auditCSV(w io.Writer, _ paint, a audit) error {
	c := csv.NewWriter(w)
	_ = c.Write([]string{
		"time", "actor", "actor_kind", "actor_id", "action", "type", "object", "object_id", "field", "before", "after",
		"strategy", "run", "plan", "out_of_band", "in_trail", "status", "record",
	})
	for _, t := range a.Changes {
		fields := t.Changes
		if len(fields) == 0 {
			fields = []genesys.AuditChange{{}}
		}
		for _, f := range fields {
			cells := []string{
				t.At.UTC().Format(time.RFC3339Nano), t.By.Name, string(t.By.Kind), t.By.ID, t.Action, t.Type, t.Object.Name, t.Object.ID,
				f.Property, strings.Join(f.OldValues, ", "), strings.Join(f.NewValues, ", "),
				t.Strategy, t.Run, t.Plan, strconv.FormatBool(t.OutOfBand), strconv.FormatBool(!t.Untold), t.Status, t.ID,
			}
			for i, cell := range cells {
				cells[i] = unrun(cell)
			}
			_ = c.Write(cells)
		}
	}
	c.Flush()
	return c.Error()
}

// unrun is a cell with an apostrophe before it where a spreadsheet would take it
// for a formula and run it (owasp.org/www-community/attacks/CSV_Injection).
func unrun(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

// ocsfVersion is the version of the Open Cybersecurity Schema Framework that
// events are written in. A change of configuration is Entity Management, 3004: the
// entity is the object with the values before, entity_result the one with those
// after. (API Activity, 6003, is about single calls, which the trail does not tell.)
const ocsfVersion = "1.2.0"

type ocsfEvent struct {
	ActivityID   int           `json:"activity_id"`
	ActivityName string        `json:"activity_name"`
	CategoryUID  int           `json:"category_uid"`
	CategoryName string        `json:"category_name"`
	ClassUID     int           `json:"class_uid"`
	ClassName    string        `json:"class_name"`
	TypeUID      int           `json:"type_uid"`
	TypeName     string        `json:"type_name"`
	Time         int64         `json:"time"` // milliseconds of the epoch
	SeverityID   int           `json:"severity_id"`
	Severity     string        `json:"severity"`
	StatusID     int           `json:"status_id"`
	Status       string        `json:"status"`
	Message      string        `json:"message"`
	Actor        *ocsfActor    `json:"actor,omitempty"`
	Entity       ocsfEntity    `json:"entity"`
	EntityResult *ocsfEntity   `json:"entity_result,omitempty"`
	Metadata     ocsfMetadata  `json:"metadata"`
	Unmapped     ocsfRemaining `json:"unmapped"`
}

type ocsfActor struct {
	User    *ocsfUser `json:"user,omitempty"`
	AppName string    `json:"app_name,omitempty"`
	AppUID  string    `json:"app_uid,omitempty"`
}

type ocsfUser struct {
	UID    string `json:"uid,omitempty"`
	Name   string `json:"name,omitempty"`
	TypeID int    `json:"type_id"`
}

type ocsfEntity struct {
	UID  string              `json:"uid,omitempty"`
	Name string              `json:"name,omitempty"`
	Type string              `json:"type"`
	Data map[string][]string `json:"data,omitempty"`
}

type ocsfMetadata struct {
	Version     string      `json:"version"`
	Product     ocsfProduct `json:"product"`
	Profiles    []string    `json:"profiles"`
	UID         string      `json:"uid,omitempty"`
	EventCode   string      `json:"event_code"`
	Correlation string      `json:"correlation_uid,omitempty"`
	LogProvider string      `json:"log_provider"`
	TenantUID   string      `json:"tenant_uid"`
}

type ocsfProduct struct {
	Name    string `json:"name"`
	Vendor  string `json:"vendor_name"`
	Version string `json:"version"`
}

// ocsfRemaining is what the schema has no place for.
type ocsfRemaining struct {
	Strategy  string `json:"strategy,omitempty"`
	Run       string `json:"run,omitempty"`
	Plan      string `json:"plan,omitempty"`
	OutOfBand bool   `json:"out_of_band"`
	InTrail   bool   `json:"in_trail"`
}

func auditOCSF(w io.Writer, _ paint, a audit) error {
	return writeLines(w, a, func(t ledger.Trace) any { return ocsf(t, a.Org.ID) })
}

// ocsf is a change as an event of Entity Management. A change out of band is of
// low severity: a person decides whether something has to be done.
func ocsf(t ledger.Trace, org string) ocsfEvent {
	e := ocsfEvent{
		ActivityID: 3, ActivityName: "Update", CategoryUID: 3, CategoryName: "Identity & Access Management", ClassUID: 3004, ClassName: "Entity Management",
		Time: t.At.UnixMilli(), SeverityID: 1, Severity: "Informational", StatusID: 1, Status: "Success",
		Entity: ocsfEntity{UID: t.Object.ID, Name: t.Object.Name, Type: t.Type, Data: map[string][]string{}},
		Metadata: ocsfMetadata{
			Version: ocsfVersion, Product: ocsfProduct{"Foresort", "Foresort", version().Version}, Profiles: []string{"host"}, UID: t.ID,
			EventCode: t.Action, Correlation: t.Run, LogProvider: "Genesys Cloud", TenantUID: org,
		},
		Unmapped: ocsfRemaining{t.Strategy, t.Run, t.Plan, t.OutOfBand, !t.Untold},
	}
	switch t.Action {
	case "Create":
		e.ActivityID, e.ActivityName = 1, t.Action
	case "Delete":
		e.ActivityID, e.ActivityName = 4, t.Action
	case "Approve", "Withdraw":
		e.ActivityID, e.ActivityName = 99, t.Action // the schema has no such thing
	}
	e.TypeUID, e.TypeName = e.ClassUID*100+e.ActivityID, e.ClassName+": "+e.ActivityName
	if t.OutOfBand {
		e.SeverityID, e.Severity = 2, "Low"
	}
	switch t.Status {
	case "SUCCESS", "":
	case "FAILURE":
		e.StatusID, e.Status = 2, "Failure"
	default:
		e.StatusID, e.Status = 99, t.Status
	}
	if t.Untold {
		e.Metadata.LogProvider = "Foresort"
	}
	after := e.Entity
	after.Data = map[string][]string{}
	for _, c := range t.Changes {
		e.Entity.Data[c.Property], after.Data[c.Property] = c.OldValues, c.NewValues
	}
	if e.ActivityID != 4 {
		e.EntityResult = &after
	}
	switch t.By.Kind {
	case relay.Person:
		e.Actor = &ocsfActor{User: &ocsfUser{t.By.ID, t.By.Name, 1}}
	case relay.Foresort:
		e.Actor = &ocsfActor{AppName: "Foresort", AppUID: t.By.ID}
	case relay.Client:
		e.Actor = &ocsfActor{AppName: t.By.Name, AppUID: t.By.ID}
	case relay.Unknown:
	}
	e.Message = fmt.Sprintf("%s of %s %s by %s", t.Action, cmp.Or(auditTypes[t.Type], t.Type), t.Object, auditActor(t))
	return e
}
