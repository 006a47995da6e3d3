package protocol

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/helogate/helogate"
	"github.com/helogate/helogate/internal/header"
	"github.com/helogate/helogate/internal/response"
)

// An openAPI is docs/openapi.yaml.
type openAPI struct {
	t   *testing.T
	doc map[string]any
}

func readOpenAPI(t *testing.T) *openAPI {
	t.Helper()
	text, err := os.ReadFile("../../docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(doc) // numbers as in JSON, which the validator wants
	if err != nil {
		t.Fatal(err)
	}
	doc = nil
	if err := json.Unmarshal(again, &doc); err != nil {
		t.Fatal(err)
	}
	return &openAPI{t, doc}
}

// at is what is found by following keys, and references on the way.
func (o *openAPI) at(keys ...string) map[string]any {
	o.t.Helper()
	node := o.doc
	for _, key := range keys {
		next, ok := node[key].(map[string]any)
		if !ok {
			o.t.Fatalf("docs/openapi.yaml has no %s in %q", key, keys)
		}
		if ref, ok := next["$ref"].(string); ok {
			next = o.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
		}
		node = next
	}
	return node
}

// schema compiles a schema such that a property that the file does not have is an error: the file promises more to
// come, and the test wants to see it written there. A schema that another builds upon must stay open.
func (o *openAPI) schema(name string, open ...string) *jsonschema.Schema {
	o.t.Helper()
	doc, err := json.Marshal(o.doc)
	if err != nil {
		o.t.Fatal(err)
	}
	var strict map[string]any
	if err := json.Unmarshal(doc, &strict); err != nil {
		o.t.Fatal(err)
	}
	for name, s := range strict["components"].(map[string]any)["schemas"].(map[string]any) {
		if !slices.Contains(open, name) {
			closeObjects(s)
		}
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.AssertContent()
	if err := c.AddResource("openapi.json", strict); err != nil {
		o.t.Fatal(err)
	}
	s, err := c.Compile("openapi.json#/components/schemas/" + name)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func closeObjects(node any) {
	switch node := node.(type) {
	case map[string]any:
		if node["type"] == "object" {
			node["unevaluatedProperties"] = false
		}
		for _, child := range node {
			closeObjects(child)
		}
	case []any:
		for _, child := range node {
			closeObjects(child)
		}
	}
}

// properties names all that an object of a schema can have, and what its own objects can: "now.reply.code".
func (o *openAPI) properties(prefix string, schema map[string]any) (names []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = o.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	if items, ok := schema["items"].(map[string]any); ok {
		return o.properties(prefix, items)
	}
	for _, list := range []string{"allOf", "anyOf"} {
		some, _ := schema[list].([]any)
		for _, one := range some {
			names = append(names, o.properties(prefix, one.(map[string]any))...)
		}
	}
	of, _ := schema["properties"].(map[string]any)
	for name, one := range of {
		names = append(names, prefix+name)
		names = append(names, o.properties(prefix+name+".", one.(map[string]any))...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// members are the properties of a value of JSON.
func members(into map[string]bool, prefix string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for name, v := range value {
			into[prefix+name] = true
			members(into, prefix+name+".", v)
		}
	case []any:
		for _, v := range value {
			members(into, prefix, v)
		}
	}
}

// ask asks the listener, and holds the answer against what the file says of its status.
func (o *openAPI) ask(d *Server, method, path, body string, head map[string]string) (code int, answer string) {
	o.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, value := range head {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	handlerOf(d)(w, r)
	operation := strings.ToLower(method)
	if w.Code == http.StatusMethodNotAllowed {
		operation = strings.ToLower(w.Header().Get("Allow"))
	}
	status := fmt.Sprint(w.Code)
	path, _, _ = strings.Cut(path, "?")
	said := o.at("paths", path, operation, "responses", status)
	if headers, ok := said["headers"].(map[string]any); ok {
		for name := range headers {
			if w.Header().Get(name) == "" {
				o.t.Errorf("%s %s: %s without %s", method, path, status, name)
			}
		}
	}
	schema := o.at("paths", path, operation, "responses", status, "content", "application/json")["schema"].(map[string]any)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(w.Body.String()))
	if err != nil {
		o.t.Fatal(err)
	}
	if err := o.valid(schema, value); err != nil {
		o.t.Errorf("%s %s: %s: %v\n%s", method, path, status, err, w.Body)
	}
	return w.Code, w.Body.String()
}

// valid holds a value against a schema by its name, or against one of several.
func (o *openAPI) valid(schema map[string]any, value any) (err error) {
	o.t.Helper()
	refs, several := schema["oneOf"].([]any)
	if !several {
		refs = []any{schema}
	}
	for _, ref := range refs {
		name := strings.TrimPrefix(ref.(map[string]any)["$ref"].(string), "#/components/schemas/")
		if err = o.schema(name, "Facts").Validate(value); err == nil {
			return nil
		}
	}
	return err
}

// everything is a verdict that has all that one can have.
func everything(f helogate.Facts) helogate.Record {
	f.Time = time.Date(2026, 5, 4, 3, 2, 1, 5, time.UTC)
	f.Session += "\xff"
	f.Earlier = []string{"EHLO a\xff"}
	return helogate.Record{Facts: f, Verdict: helogate.Verdict{
		ID:       "8rx7ssvzkrbze",
		Policy:   "4tbf2n0w6q8zc",
		Decision: helogate.Decision{Action: helogate.Greylist, By: "a", Score: 1, MaxScore: 2},
		DryRun:   helogate.Decision{Action: helogate.Reject, By: "b", Score: 3, MaxScore: 4},
		Reply:    helogate.Reply{Code: 451, Enhanced: "4.7.1", Text: "later"},
		Would:    []string{"b"},
		Findings: []helogate.Finding{{Check: "a", Outcome: helogate.Fail, Effect: helogate.Effect{Action: helogate.Greylist},
			Why: "w", Code: "5.7.1", Entry: 1, Ref: "r", Retry: time.Second}},
		Asked: helogate.Evidence{{Question: helogate.Question{Kind: helogate.A, Name: "a\xff"},
			Answer: &helogate.Answer{Status: helogate.OK, Values: []string{"192.0.2.1"}, TTL: time.Minute}}},
	}}
}

const fullFacts = `{"stage":"rcpt","client":"192.0.2.1","server":"192.0.2.25:25","verb":"EHLO","verb_base64":"/w==",` +
	`"helo":"a","helo_base64":"/w==","sender":"b","sender_base64":"/w==","recipient":"c","recipient_base64":"/w==",` +
	`"auth":"d","auth_base64":"/w==","session":"e","origin":{"client":"192.0.2.9","helo":"f","helo_base64":"/w=="}}`

// The file and the listener have the same paths, methods and statuses, and every answer is what the file says, with no
// property that the file lacks; and there is none in the file that no answer has.
func TestOpenAPIAnswers(t *testing.T) {
	o := readOpenAPI(t)
	judge := func(_ context.Context, f helogate.Facts) response.Response {
		r := everything(f)
		switch r.Recipient {
		case "none":
			return response.Response{}
		case "let in":
			r.Verdict = helogate.Verdict{ID: "x", Decision: helogate.Decision{Action: helogate.Accept}, DryRun: helogate.Decision{Action: helogate.Accept}}
			return response.Response{Action: helogate.Accept, Record: &r, Headers: []header.Field{{Name: "X-Helogate", Value: "x"}}}
		}
		return response.Response{Action: helogate.Defer, Reply: r.Reply, Record: &r}
	}
	d := &Server{Protocol: &HTTP{Token: "0123456789abcdef", Version: "1.2.3"}, Judge: judge}
	good := map[string]string{"Authorization": "Bearer 0123456789abcdef", "Content-Type": "application/json"}
	with := func(name, value string) map[string]string {
		m := maps.Clone(good)
		m[name] = value
		return m
	}
	rcpt := func(to string) string { return `{"stage":"rcpt","client":"192.0.2.1","recipient":"` + to + `"}` }
	seen, statuses := map[string]bool{}, map[string]bool{}
	answered := func(schema string, answer string) {
		var value any
		if err := json.Unmarshal([]byte(answer), &value); err != nil {
			t.Fatal(err)
		}
		members(seen, schema+".", value)
	}
	for _, c := range []struct {
		method, path, body string
		head               map[string]string
		want               int
		schema             string
	}{
		{"POST", "/v1/judge", fullFacts, good, 200, "Verdict"},
		{"POST", "/v1/judge", rcpt("let in"), good, 200, "Verdict"},
		{"POST", "/v1/judge", `{"stage":"connect","client":"192.0.2.1"}`, good, 200, "Verdict"},
		{"POST", "/v1/judge?evidence=yes", fullFacts, good, 200, "Verdict"},
		{"POST", "/v1/judge?evidence=no", fullFacts, good, 200, "Brief"},
		{"POST", "/v1/judge?evidence=no", rcpt("let in"), good, 200, "Brief"},
		{"POST", "/v1/judge?evidence=no", rcpt("none"), good, 503, "Error"},
		{"POST", "/v1/judge?evidence=none", fullFacts, good, 400, "Error"},
		{"POST", "/v1/judge", rcpt("none"), good, 503, "Error"},
		{"POST", "/v1/judge", `{"stage":1}`, good, 400, "Error"},
		{"POST", "/v1/judge", `[`, good, 400, "Error"},
		{"POST", "/v1/judge", rcpt("a"), with("Authorization", "x"), 401, "Error"},
		{"PUT", "/v1/judge", rcpt("a"), good, 405, "Error"},
		{"POST", "/v1/judge", rcpt(strings.Repeat("x", 1<<20)), good, 413, "Error"},
		{"POST", "/v1/judge", rcpt("a"), with("Content-Type", "text/plain"), 415, "Error"},
		{"GET", "/v1/health", "", nil, 200, "Health"},
		{"POST", "/v1/health", "", nil, 405, "Error"},
	} {
		code, answer := o.ask(d, c.method, c.path, c.body, c.head)
		if code != c.want {
			t.Errorf("%s %s: %d %s, want %d", c.method, c.path, code, answer, c.want)
		}
		path, _, _ := strings.Cut(c.path, "?")
		statuses[path+" "+fmt.Sprint(code)] = true
		answered(c.schema, answer)
	}
	if err := d.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	code, _ := o.ask(d, "GET", "/v1/health", "", nil)
	statuses["/v1/health "+fmt.Sprint(code)] = true
	statuses["/v1/judge 408"] = true // TestHTTPSlowBody
	statuses["/v1/judge 500"] = true // TestHTTPPanics, of what the listeners share

	said := map[string]bool{}
	for path, methods := range o.at("paths") {
		for method := range methods.(map[string]any) {
			for status := range o.at("paths", path, method, "responses") {
				said[path+" "+status] = true
			}
		}
	}
	if !maps.Equal(said, statuses) {
		t.Errorf("the file has   %v\nthe listener gives %v", slices.Sorted(maps.Keys(said)), slices.Sorted(maps.Keys(statuses)))
	}
	for _, schema := range []string{"Verdict", "Brief", "Error", "Health"} {
		for _, name := range o.properties(schema+".", o.at("components", "schemas", schema)) {
			if !seen[name] {
				t.Errorf("the file has %s, and no answer does", name)
			}
		}
	}
}

// Every property of a request that the file has is taken, as what the file says it is and as nothing else; and there is
// none that the listener takes and the file lacks.
func TestOpenAPIRequest(t *testing.T) {
	o := readOpenAPI(t)
	facts := o.schema("Facts")
	takes := func(body string) bool { _, err := readFacts([]byte(body)); return err == nil }
	valid := func(body string) bool {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
		return err == nil && facts.Validate(value) == nil
	}
	names := o.properties("", o.at("components", "schemas", "Facts"))
	reader := append(slices.Collect(maps.Keys(factsFields)), "origin")
	slices.Sort(reader)
	if !slices.Equal(names, reader) {
		t.Errorf("the file has   %q\nthe listener reads %q", names, reader)
	}
	if !takes(fullFacts) || !valid(fullFacts) {
		t.Errorf("%s: taken %t, by the file %t", fullFacts, takes(fullFacts), valid(fullFacts))
	}
	for _, name := range append(names, "time", "earlier", "id", "Helo") {
		for _, value := range []string{`null`, `1`, `true`, `[]`, `{}`, `"?"`, `"` + strings.Repeat("QUFB", 100) + `"`, `"` + strings.Repeat("x", 255) + `"`, `"` + strings.Repeat("x", 256) + `"`, `"/w=="`, `"connect"`} {
			body := changed(t, name, value)
			if taken, said := takes(body), valid(body); taken && !said {
				t.Errorf("%s: is taken, and is not by the file", body)
			} else if said && !taken && !onlyInWords(name, value) {
				t.Errorf("%s: is not taken, and would be by the file", body)
			}
		}
	}
	required := o.at("components", "schemas", "Facts")["required"].([]any)
	for _, name := range names {
		if strings.Contains(name, ".") {
			continue
		}
		without := changed(t, name, "")
		if must := slices.Contains(required, any(name)); takes(without) == must {
			t.Errorf("without %s: taken %t, and required by the file %t", name, !must, must)
		}
	}
	for _, example := range o.at("paths", "/v1/judge", "post", "requestBody", "content") {
		text, err := json.Marshal(example.(map[string]any)["example"])
		if err != nil || !takes(string(text)) || !valid(string(text)) {
			t.Errorf("the file's example %s: %v", text, err)
		}
	}
}

// onlyInWords reports whether the file says in words alone what a text is to be, as addresses, or that a stage has not
// got so far.
func onlyInWords(name, value string) bool {
	return slices.Contains([]string{"client", "server", "origin.client"}, name) || name == "stage" && value == `"connect"`
}

// changed are the full facts with one value exchanged, or left out.
func changed(t *testing.T, name, value string) string {
	t.Helper()
	var facts map[string]any
	if err := json.Unmarshal([]byte(fullFacts), &facts); err != nil {
		t.Fatal(err)
	}
	object := facts
	if within, ok := strings.CutPrefix(name, "origin."); ok {
		name, object = within, facts["origin"].(map[string]any)
	}
	if object[name] = json.RawMessage(value); value == "" {
		delete(object, name)
	}
	text, err := json.Marshal(facts)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the file says that a client is let in with is what a verdict of the real judge is, too.
func TestOpenAPIRealVerdict(t *testing.T) {
	o := readOpenAPI(t)
	p := helogate.Policy{}
	judge := func(ctx context.Context, f helogate.Facts) response.Response {
		f.Time = time.Now()
		v := p.Judge(ctx, f, helogate.MustZone(""))
		return response.Response{Action: v.Action, Record: &helogate.Record{Facts: f, Verdict: v}}
	}
	body := factsJSON(t, helogate.Facts{Stage: helogate.Rcpt, Client: netip.MustParseAddr("192.0.2.1"), Helo: "a"})
	if code, answer := o.ask(&Server{Protocol: &HTTP{}, Judge: judge}, "POST", "/v1/judge", string(body), map[string]string{"Content-Type": "application/json"}); code != 200 {
		t.Errorf("%d %s", code, answer)
	}
}
