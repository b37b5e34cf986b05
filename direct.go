package carafe

import (
	"io"
	"net/http"
	"reflect"
	"sync"

	"github.com/carafeweb/carafe/gateway"
)

// alreadySent stands for a response that is on the wire. It is never changed.
var alreadySent = &Response{sent: true}

// nobodyLooks says that no user code would see the Response between the view and the wire: there is no after function, no session
// to save, nobody who listens for RequestFinished. Such a Response need not be made. It is asked once per request;
// most requests of an API are of this kind.
func (a *App) nobodyLooks(c *Context, res *result) bool {
	return res.header == nil && (res.isText || res.isJSON || res.recognise()) && c.unseen()
}

// recognise notes what a result without a static type is, if it is a text or goes to the JSON provider.
func (res *result) recognise() bool {
	if s, ok := res.body.(string); ok {
		res.text, res.isText = s, true
		return true
	}
	t := reflect.TypeOf(res.body)
	if t == nil {
		return false
	}
	known, ok := dynamicJSON.Load(t)
	if !ok {
		known = goesToJSON(t) || t.Kind() == reflect.Pointer && goesToJSON(t.Elem()) && !isOther(t)
		dynamicJSON.Store(t, known)
	}
	res.isJSON = known.(bool) && !isNilBody(res.body)
	return res.isJSON
}

// dynamicJSON says which types that views have returned as any go to the JSON provider: bool by reflect.Type. A program has as many as
// its source has.
var dynamicJSON sync.Map

// unseen says that no user code would see a Response of this request.
func (c *Context) unseen() bool {
	a := c.App()
	return len(c.chain().after) == 0 && c.more.Load() == nil && !a.Signals.RequestFinished.Receivers() && !a.refreshes(c)
}

// answerDirectly writes a text or a JSON body without a Response that outlives the call: it stays on the stack, and the
// JSON in a buffer of ours. What it writes is what steps 7 to 9 write (TestDirectAnswersAreTheSame); what it saves is guarded by
// TestAllocations. An error comes before the first byte.
func (a *App) answerDirectly(c *Context, res *result) (*Response, error) {
	if res.status != 0 {
		if err := checkStatus(res.status); err != nil {
			return nil, err
		}
	}
	if res.isText {
		return c.send(Response{Status: res.status, body: res.text, typ: typeHTML})
	}
	std, ok := a.JSON.(*StdJSON)
	if !ok {
		data, err := a.JSON.Marshal(res.body)
		if err != nil {
			return nil, err
		}
		return c.send(Response{Status: res.status, data: data, typ: a.jsonType()})
	}
	b := takeJSONBuffer()
	defer b.release()
	data, err := std.encode(b, res.body)
	if err != nil {
		return nil, err
	}
	return c.send(Response{Status: res.status, data: data, typ: a.jsonType()})
}

// send is step 9 for a response that nobody has seen.
func (c *Context) send(resp Response) (*Response, error) {
	if err := resp.writeWhole(c); err != nil {
		return &Response{sent: true, err: err}, nil
	}
	return alreadySent, nil
}

// refreshes says whether the session is saved although the request did not ask for it.
func (a *App) refreshes(c *Context) bool {
	r, ok := a.Sessions.(SessionRefresher)
	return ok && r.Refresh(c)
}

// goesToJSON says whether a result of this static type can only be meant for the JSON provider.
func goesToJSON(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
		return !isOther(t)
	}
	return false // a pointer may be nil
}

func isOther(t reflect.Type) bool {
	for _, other := range otherResults {
		if t == other || other.Kind() == reflect.Interface && t.Implements(other) {
			return true
		}
	}
	return false
}

// otherResults are what makes a struct, map or slice something else than JSON.
var otherResults = []reflect.Type{
	typeError, reflect.TypeFor[[]byte](), reflect.TypeFor[reply](), reflect.TypeFor[rendering](), reflect.TypeFor[*Response](), reflect.TypeFor[Responder](), reflect.TypeFor[http.Handler](),
	reflect.TypeFor[gateway.Application](), reflect.TypeFor[io.Reader](),
}
