package carafe

import (
	"fmt"
	"strings"

	"github.com/carafeweb/carafe/wire"
)

// contentDisposition says under which name a body is to be saved. A name beyond ASCII is given twice: simplified for clients that
// know no better, and whole.
//
// Source: werkzeug.utils.send_file; RFC 6266, RFC 8187.
func contentDisposition(kind, name string) (string, error) {
	if err := checkHeader(headerDisposition, name); err != nil {
		return "", fmt.Errorf("carafe: the name %q cannot be that of a download: it has a control character", name)
	}
	simple := wire.ASCII(name)
	value := kind + "; filename=" + wire.Quote(simple)
	if simple != name {
		value += "; filename*=UTF-8''" + percentEncode(name, "!#$&+^`|")
	}
	return value, nil
}

// SetDisposition has the body saved under name, if attachment, else shown, with name in case it is saved. A name with a control
// character is refused.
func (resp *Response) SetDisposition(name string, attachment bool) error {
	kind := "inline"
	if attachment {
		kind = "attachment"
	}
	value, err := contentDisposition(kind, strings.ToValidUTF8(name, "\ufffd"))
	if err != nil {
		return err
	}
	resp.materialize()
	resp.Header[headerDisposition] = []string{value}
	return nil
}
