package wire

import "strings"

// charsetNames are other names of the charsets that clients still ask for, without "-", "_" and blanks.
var charsetNames = map[string]string{
	"utf8": "utf-8", "u8": "utf-8", "utf": "utf-8", "cp65001": "utf-8", "utf16": "utf-16", "u16": "utf-16", "utf32": "utf-32",
	"ascii": "ascii", "usascii": "ascii", "646": "ascii", "ansix3.41968": "ascii", "iso646us": "ascii", "us": "ascii",
	"iso88591": "iso8859-1", "latin1": "iso8859-1", "latin": "iso8859-1", "l1": "iso8859-1", "8859": "iso8859-1", "cp819": "iso8859-1", "iso885911987": "iso8859-1",
	"iso88592": "iso8859-2", "latin2": "iso8859-2", "l2": "iso8859-2", "iso88595": "iso8859-5", "cyrillic": "iso8859-5",
	"iso88597": "iso8859-7", "greek": "iso8859-7", "iso88599": "iso8859-9", "latin5": "iso8859-9", "l5": "iso8859-9",
	"iso885915": "iso8859-15", "latin9": "iso8859-15", "l9": "iso8859-15",
	"cp1250": "cp1250", "windows1250": "cp1250", "cp1251": "cp1251", "windows1251": "cp1251", "cp1252": "cp1252", "windows1252": "cp1252",
	"koi8r": "koi8-r", "koi8u": "koi8-u", "shiftjis": "shift_jis", "sjis": "shift_jis", "shiftj": "shift_jis",
	"eucjp": "euc_jp", "ujis": "euc_jp", "euckr": "euc_kr", "big5": "big5", "gbk": "gbk", "cp936": "gbk", "gb2312": "gb2312", "gb18030": "gb18030",
}

// charsetName is one name for all names of a charset; a charset that is not known is its own, in lower case.
func charsetName(s string) string {
	s = strings.ToLower(s)
	bare := strings.NewReplacer("-", "", "_", "", " ", "", ":", "").Replace(s)
	if name, ok := charsetNames[bare]; ok {
		return name
	}
	return s
}
