package signing

// For tests in signing_test: the parts whose exact bytes matter.
var (
	Compress        = compress
	Decompress      = decompress
	DecodeURLSafe   = decodeURLSafe
	DecodeLax       = func(text []byte) ([]byte, error) { return decodeLax([]byte{}, text, false, 0) }
	HashWithSalt    = hashPassword
	DefaultMaximum  = defaultMaxPayload
	LongestDeflated = maxDeflate
)
