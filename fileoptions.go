package carafe

import (
	"fmt"
	"time"
)

// A FileOption says how a file is sent: [Attachment], [DownloadName], [MediaType], [MaxAge], [ETag], [LastModified],
// [Conditional], [XSendfile].
type FileOption interface{ ApplyFile(*FileSettings) }

// FileSettings is what the options of a file come to.
type FileSettings struct {
	Attachment   bool           // whether browsers are to save it, not to show it
	DownloadName *string        // nil means the file's own
	MediaType    string         // "" means what the name tells
	MaxAge       *time.Duration // nil means what App.FileMaxAge or Config.SendFileMaxAge say
	ETag         *string        // nil means one of the file's time, size and path; "" means none
	LastModified time.Time      // zero means the file's
	Plain        bool           // neither conditions nor ranges
	XSendfile    *bool          // nil means what Config.UseXSendfile says
	immutable    bool           // the URL has the content's hash
}

// Attachment has the browser save the file under this name, "" meaning the file's own, instead of showing it.
type Attachment string

// DownloadName is the name that the browser saves the file under, and that its type is guessed from.
type DownloadName string

// MediaType is the file's type; types of text get the charset UTF-8.
type MediaType string

// MaxAge is for how long caches may keep the file without asking. Zero or less has them ask each time.
type MaxAge time.Duration

// ETag is the file's entity tag, without quotes; "" sends none.
type ETag string

// LastModified is when the file was changed, instead of what the file system says.
type LastModified time.Time

// Conditional(false) sends the whole file whatever the request's conditions and ranges are.
type Conditional bool

// ApplyFile implements [FileOption].
func (a Attachment) ApplyFile(s *FileSettings) {
	if s.Attachment = true; a != "" {
		s.DownloadName = (*string)(&a)
	}
}

// ApplyFile implements [FileOption].
func (n DownloadName) ApplyFile(s *FileSettings) { s.DownloadName = (*string)(&n) }

// ApplyFile implements [FileOption].
func (t MediaType) ApplyFile(s *FileSettings) { s.MediaType = string(t) }

// ApplyFile implements [FileOption].
func (a MaxAge) ApplyFile(s *FileSettings) { s.MaxAge = (*time.Duration)(&a) }

// ApplyFile implements [FileOption].
func (e ETag) ApplyFile(s *FileSettings) { s.ETag = (*string)(&e) }

// ApplyFile implements [FileOption].
func (t LastModified) ApplyFile(s *FileSettings) { s.LastModified = time.Time(t) }

// ApplyFile implements [FileOption].
func (b Conditional) ApplyFile(s *FileSettings) { s.Plain = !bool(b) }

func fileSettings(opts []FileOption) (s FileSettings, err error) {
	for i, o := range opts {
		if o == nil {
			return s, fmt.Errorf("carafe: sending a file: %w", nilOption(i))
		}
		o.ApplyFile(&s)
	}
	return s, nil
}
