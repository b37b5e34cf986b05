package devserver

// NewPIN is a random PIN of nine digits, "123-456-789". Unlike Werkzeug's it is not derived from anything: containers made from one
// image had the same (CVE-2019-14806).
func NewPIN() string {
	digits := randomText(9, "0123456789")
	return digits[:3] + "-" + digits[3:6] + "-" + digits[6:]
}
