package carafe

import (
	"io"
	"net/http"
	"reflect"

	"github.com/carafeweb/carafe/gateway"
)

// alreadySent stands for a response that is on the wire. It is never changed.
var alreadySent = &Response{sent: true}

// nobodyLooks says that no user code would see the Response between the view and the wire: there is no after function, no session
// to save, nobody who listens for RequestFinished. Such a Response need not be made. It is asked once per request;
// most requests of an API are of this kind.
func (a *App) nobodyLooks(c *Context, res *result) bool {
	return (res.isText || res.isJSON) && res.header == nil && c.unseen()
}

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
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	switch base.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
	default:
		return false
	}
	for _, other := range otherResults {
		if t == other || other.Kind() == reflect.Interface && t.Implements(other) {
			return false
		}
	}
	return t.Kind() != reflect.Pointer // which may be nil
}

// otherResults are what makes a struct, map or slice something else than JSON.
var otherResults = []reflect.Type{
	typeError, reflect.TypeFor[[]byte](), reflect.TypeFor[reply](), reflect.TypeFor[Responder](), reflect.TypeFor[http.Handler](),
	reflect.TypeFor[gateway.Application](), reflect.TypeFor[io.Reader](),
}
