package chromium

import (
	"encoding/json"
	"fmt"
	"strings"
)

// What is on a page is found as assistive technology finds it: by role and name of
// the browser's accessibility tree.

// find waits for what has a role, as in "link", and a name; a name that ends in … is
// the beginning of one.
func (p *Page) find(role, name string) (node int) {
	p.t.Helper()
	p.poll(fmt.Sprintf("finding the %s %q", role, name), func() bool {
		node = p.lookFor(role, name)
		return node != 0
	})
	return node
}

func (p *Page) lookFor(role, name string) int {
	var document struct{ Root struct{ NodeID int } }
	var found struct {
		Nodes []struct {
			Ignored          bool
			Name             struct{ Value any }
			BackendDOMNodeID int
		}
	}
	if p.b.call(p.session, "DOM.getDocument", object{"depth": 0}, &document) != nil ||
		p.b.call(p.session, "Accessibility.queryAXTree", object{"nodeId": document.Root.NodeID, "role": role}, &found) != nil {
		return 0 // another page is just being opened
	}
	for _, n := range found.Nodes {
		if text, _ := n.Name.Value.(string); !n.Ignored && is(text, name) {
			return n.BackendDOMNodeID
		}
	}
	return 0
}

func is(text, name string) bool {
	text = strings.Join(strings.Fields(text), " ")
	if begin, ok := strings.CutSuffix(name, "…"); ok {
		return strings.HasPrefix(text, begin)
	}
	return text == name
}

// Has reports whether something of a role and name is on the page.
func (p *Page) Has(role, name string) bool { return p.lookFor(role, name) != 0 }

// Click clicks at something with the mouse.
func (p *Page) Click(role, name string) {
	p.t.Helper()
	p.click(p.find(role, name), role+" "+name)
}

// Press clicks at what leads to another page, and waits for that.
func (p *Page) Press(role, name string) {
	p.t.Helper()
	p.leads("after pressing "+name, func() { p.Click(role, name) })
}

func (p *Page) click(node int, what string) {
	p.t.Helper()
	var at struct{ X, Y float64 }
	p.must(p.on(node, `function() {
		this.scrollIntoView({block: 'center', behavior: 'instant'});
		const box = this.getClientRects()[0], x = box.x + box.width / 2, y = box.y + box.height / 2, top = document.elementFromPoint(x, y);
		return this === top || this.contains(top) || top?.contains(this) ? {x, y} : {x: -1, y: -1};
	}`, &at))
	if at.X < 0 {
		p.t.Fatalf("browser: %s is covered by something else", what)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		p.call("Input.dispatchMouseEvent", object{"type": kind, "x": at.X, "y": at.Y, "button": "left", "clickCount": 1}, nil)
	}
}

// on calls a function of JavaScript on a node.
func (p *Page) on(node int, function string, into any, args ...any) error {
	var resolved struct{ Object struct{ ObjectID string } }
	if err := p.b.call(p.session, "DOM.resolveNode", object{"backendNodeId": node}, &resolved); err != nil {
		return err
	}
	values := []object{}
	for _, a := range args {
		values = append(values, object{"value": a})
	}
	var answer struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	if err := p.b.call(p.session, "Runtime.callFunctionOn", object{"objectId": resolved.Object.ObjectID, "functionDeclaration": function, "arguments": values, "returnByValue": true}, &answer); err != nil {
		return err
	}
	if answer.ExceptionDetails != nil {
		return fmt.Errorf("%s", answer.ExceptionDetails.Exception.Description)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer.Result.Value, into)
}

// field waits for what a label, or the beginning of one, stands at.
func (p *Page) field(label string) (node int) {
	p.t.Helper()
	quoted, err := json.Marshal(label)
	p.must(err)
	expression := `(() => {
		const names = (e) => [e.ariaLabel ?? '', ...[...e.labels ?? []].map((l) => l.innerText)].map((n) => n.replace(/\s+/g, ' ').trim());
		const all = [...document.querySelectorAll('input:not([type=hidden]), select, textarea')].filter((e) => e.checkVisibility()), label = ` + string(quoted) + `;
		return all.find((e) => names(e).includes(label)) ?? all.find((e) => names(e).some((n) => n.startsWith(label))) ?? null;
	})()`
	p.poll(fmt.Sprintf("finding the field %q", label), func() bool {
		var found struct{ Result struct{ ObjectID string } }
		var described struct{ Node struct{ BackendNodeID int } }
		if p.b.call(p.session, "Runtime.evaluate", object{"expression": expression}, &found) != nil || found.Result.ObjectID == "" ||
			p.b.call(p.session, "DOM.describeNode", object{"objectId": found.Result.ObjectID}, &described) != nil {
			return false
		}
		node = described.Node.BackendNodeID
		return true
	})
	return node
}

// Fill types a value into the field with a label, in place of what is there; of a
// list it chooses what is called so, or begins so, of a date it is YYYY-MM-DD, of a time
// HH:MM.
func (p *Page) Fill(label, value string) {
	p.t.Helper()
	node := p.field(label)
	var typed bool
	p.must(p.on(node, `function(value) {
		if (this.localName === 'select') {
			const option = [...this.options].find((o) => o.label === value || value.endsWith('…') && (o.label.startsWith(value.slice(0, -1)) || o.value.startsWith(value.slice(0, -1))));
			if (!option) throw new Error('nothing is called ' + value);
			this.value = option.value;
		} else if (this.type === 'date' || this.type === 'time') this.value = value;
		else { this.focus(); this.select(); return true; }
		this.dispatchEvent(new Event('change', {bubbles: true}));
		return false;
	}`, &typed, value))
	if typed {
		p.call("Input.insertText", object{"text": value}, nil)
	}
}

// Value is what stands in the field with a label.
func (p *Page) Value(label string) (value string) {
	p.t.Helper()
	p.must(p.on(p.field(label), `function() { return this.value; }`, &value))
	return value
}

// Tick ticks the box or the choice with a label, or unticks it.
func (p *Page) Tick(label string, on bool) {
	p.t.Helper()
	node := p.field(label)
	var ticked bool
	p.must(p.on(node, `function() { return this.checked; }`, &ticked))
	if ticked != on {
		p.click(node, label)
	}
}

// Upload chooses files for the field with a label.
func (p *Page) Upload(label string, paths ...string) {
	p.t.Helper()
	p.call("DOM.setFileInputFiles", object{"files": paths, "backendNodeId": p.field(label)}, nil)
}
