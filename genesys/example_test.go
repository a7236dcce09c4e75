package genesys_test

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/foresort/foresort/genesys"
	"github.com/foresort/foresort/routing"
)

// Overlay changes what is owned and keeps the rest, known or not; Restore puts
// it back.
func ExampleOverlay() {
	live := json.RawMessage(`{"name":"Support","mediaSettings":{"email":{"newer":9007199254740993,"serviceLevel":{"percentage":0.8,"durationMs":86400000}}}}`)
	want := routing.QueueSettings{ServiceLevel: &routing.ServiceLevel{Percent: 90, Within: routing.Duration(4 * time.Hour)}}
	fields := routing.Owned(want)

	changed, err := genesys.Overlay(live, fields, want)
	fmt.Println(string(changed), err)
	back, err := genesys.Restore[routing.QueueSettings](changed, fields, live)
	fmt.Println(string(back), err)
	// Output:
	// {"mediaSettings":{"email":{"newer":9007199254740993,"serviceLevel":{"durationMs":14400000,"percentage":0.9}}},"name":"Support"} <nil>
	// {"mediaSettings":{"email":{"newer":9007199254740993,"serviceLevel":{"durationMs":86400000,"percentage":0.8}}},"name":"Support"} <nil>
}
