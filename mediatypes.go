package carafe

import (
	"mime"
	"path"
	"strings"
)

// typeUnknown is what a file is whose name tells nothing.
const typeUnknown = "application/octet-stream"

// guessType is the media type and the content coding that a file's name tells; "" for what it does not.
//
// Source: Python's mimetypes.guess_type. The types that matter are our own, so that an answer does not depend on the
// machine; for others the system is asked.
func guessType(name string) (typ, coding string) {
	ext := path.Ext(name)
	if strings.TrimLeft(name, ".") == strings.TrimPrefix(ext, ".") { // ".gz" is a hidden file, not a coding
		return "", ""
	}
	name = strings.TrimSuffix(name, ext)
	if double, ok := doubleSuffixes[ext]; ok {
		ext = path.Ext(double)
		name += strings.TrimSuffix(double, ext)
	}
	if coding = codings[ext]; coding != "" {
		if ext = path.Ext(name); strings.TrimLeft(name, ".") == strings.TrimPrefix(ext, ".") {
			return "", coding
		}
	}
	return typeOf(ext), coding
}

func typeOf(ext string) string {
	if ext == "" {
		return ""
	}
	for _, e := range []string{ext, strings.ToLower(ext)} {
		if typ, ok := mediaTypes[e]; ok {
			return typ
		}
	}
	typ, _, _ := strings.Cut(mime.TypeByExtension(ext), ";")
	return typ
}

// codings are the suffixes of compressed files, doubleSuffixes those that stand for two.
var (
	codings        = map[string]string{".gz": "gzip", ".Z": "compress", ".bz2": "bzip2", ".xz": "xz", ".br": "br"}
	doubleSuffixes = map[string]string{
		".svgz": ".svg.gz", ".tgz": ".tar.gz", ".taz": ".tar.gz", ".tz": ".tar.gz", ".tbz2": ".tar.bz2", ".txz": ".tar.xz",
	}
)

var mediaTypes = map[string]string{
	".3g2":         "audio/3gpp2",
	".3gp":         "audio/3gpp",
	".3gpp":        "audio/3gpp",
	".3gpp2":       "audio/3gpp2",
	".7z":          "application/x-7z-compressed",
	".a":           "text/vnd.a",
	".aac":         "audio/aac",
	".adts":        "audio/aac",
	".ai":          "application/postscript",
	".aif":         "audio/x-aiff",
	".aifc":        "audio/x-aiff",
	".aiff":        "audio/x-aiff",
	".apk":         "application/vnd.android.package-archive",
	".ass":         "audio/aac",
	".atom":        "application/atom+xml",
	".au":          "audio/basic",
	".avi":         "video/x-msvideo",
	".avif":        "image/avif",
	".bat":         "application/x-msdos-program",
	".bcpio":       "application/x-bcpio",
	".bin":         "application/octet-stream",
	".bmp":         "image/bmp",
	".c":           "text/x-csrc",
	".cdf":         "application/x-cdf",
	".cer":         "application/pkix-cert",
	".cpio":        "application/x-cpio",
	".csh":         "text/x-csh",
	".css":         "text/css",
	".csv":         "text/csv",
	".deb":         "application/vnd.debian.binary-package",
	".dll":         "application/x-msdos-program",
	".dmg":         "application/x-apple-diskimage",
	".doc":         "application/msword",
	".docx":        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".dot":         "text/vnd.graphviz",
	".dvi":         "application/x-dvi",
	".eml":         "message/rfc822",
	".eps":         "application/postscript",
	".epub":        "application/epub+zip",
	".etx":         "text/x-setext",
	".exe":         "application/x-msdos-program",
	".flac":        "audio/flac",
	".geojson":     "application/geo+json",
	".gif":         "image/gif",
	".gtar":        "application/x-gtar",
	".gz":          "application/gzip",
	".h":           "text/x-chdr",
	".h5":          "application/x-hdf5",
	".hdf":         "application/x-hdf",
	".heic":        "image/heic",
	".heif":        "image/heif",
	".htm":         "text/html",
	".html":        "text/html",
	".ico":         "image/vnd.microsoft.icon",
	".ics":         "text/calendar",
	".ief":         "image/ief",
	".iso":         "application/x-iso9660-image",
	".jar":         "application/java-archive",
	".jpe":         "image/jpeg",
	".jpeg":        "image/jpeg",
	".jpg":         "image/jpeg",
	".js":          "text/javascript",
	".json":        "application/json",
	".jsonld":      "application/ld+json",
	".jxl":         "image/jxl",
	".kml":         "application/vnd.google-earth.kml+xml",
	".ksh":         "text/plain",
	".latex":       "application/x-latex",
	".loas":        "audio/usac",
	".m1v":         "video/mpeg",
	".m3u":         "audio/mpegurl",
	".m3u8":        "application/vnd.apple.mpegurl",
	".m4a":         "audio/mp4",
	".man":         "application/x-troff-man",
	".md":          "text/markdown",
	".me":          "application/x-troff-me",
	".mht":         "message/rfc822",
	".mhtml":       "message/rfc822",
	".mif":         "application/vnd.mif",
	".mjs":         "text/javascript",
	".mkv":         "video/x-matroska",
	".mml":         "application/mathml+xml",
	".mov":         "video/quicktime",
	".movie":       "video/x-sgi-movie",
	".mp2":         "audio/mpeg",
	".mp3":         "audio/mpeg",
	".mp4":         "video/mp4",
	".mpa":         "video/mpeg",
	".mpe":         "video/mpeg",
	".mpeg":        "video/mpeg",
	".mpg":         "video/mpeg",
	".ms":          "application/x-troff-ms",
	".n3":          "text/n3",
	".nc":          "application/x-netcdf",
	".nq":          "application/n-quads",
	".nt":          "application/n-triples",
	".nws":         "message/rfc822",
	".o":           "application/x-object",
	".obj":         "model/obj",
	".oda":         "application/ODA",
	".ods":         "application/vnd.oasis.opendocument.spreadsheet",
	".odt":         "application/vnd.oasis.opendocument.text",
	".oga":         "audio/ogg",
	".ogg":         "audio/ogg",
	".ogv":         "video/ogg",
	".opus":        "audio/ogg",
	".otf":         "font/otf",
	".p12":         "application/pkcs12",
	".p7c":         "application/pkcs7-mime",
	".pbm":         "image/x-portable-bitmap",
	".pdf":         "application/pdf",
	".pem":         "application/pem-certificate-chain",
	".pfx":         "application/pkcs12",
	".pgm":         "image/x-portable-graymap",
	".pl":          "text/x-perl",
	".png":         "image/png",
	".pnm":         "image/x-portable-anymap",
	".pot":         "text/plain",
	".ppa":         "application/vnd.ms-powerpoint",
	".ppm":         "image/x-portable-pixmap",
	".pps":         "application/vnd.ms-powerpoint",
	".ppt":         "application/vnd.ms-powerpoint",
	".pptx":        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".ps":          "application/postscript",
	".psd":         "image/vnd.adobe.photoshop",
	".pwz":         "application/vnd.ms-powerpoint",
	".py":          "text/x-python",
	".pyc":         "application/x-python-code",
	".pyo":         "application/x-python-code",
	".qt":          "video/quicktime",
	".ra":          "audio/x-pn-realaudio",
	".ram":         "audio/x-pn-realaudio",
	".rar":         "application/vnd.rar",
	".ras":         "image/x-cmu-raster",
	".rdf":         "application/rdf+xml",
	".rgb":         "image/x-rgb",
	".roff":        "text/troff",
	".rss":         "application/x-rss+xml",
	".rtf":         "application/rtf",
	".rtx":         "text/richtext",
	".sgm":         "text/SGML",
	".sgml":        "text/SGML",
	".sh":          "text/x-sh",
	".shar":        "application/x-shar",
	".snd":         "audio/basic",
	".so":          "application/octet-stream",
	".sql":         "application/sql",
	".src":         "application/x-wais-source",
	".srt":         "text/plain",
	".sv4cpio":     "application/x-sv4cpio",
	".sv4crc":      "application/x-sv4crc",
	".svg":         "image/svg+xml",
	".swf":         "application/vnd.adobe.flash.movie",
	".t":           "text/troff",
	".tar":         "application/x-tar",
	".tcl":         "text/x-tcl",
	".tex":         "text/x-tex",
	".texi":        "application/x-texinfo",
	".texinfo":     "application/x-texinfo",
	".tif":         "image/tiff",
	".tiff":        "image/tiff",
	".tr":          "text/troff",
	".trig":        "application/trig",
	".ts":          "text/vnd.trolltech.linguist",
	".tsv":         "text/tab-separated-values",
	".ttf":         "font/ttf",
	".txt":         "text/plain",
	".ustar":       "application/x-ustar",
	".vcf":         "text/vcard",
	".vtt":         "text/vtt",
	".wasm":        "application/wasm",
	".wav":         "audio/x-wav",
	".webm":        "video/webm",
	".webmanifest": "application/manifest+json",
	".webp":        "image/webp",
	".wiz":         "application/msword",
	".woff":        "font/woff",
	".woff2":       "font/woff2",
	".wsdl":        "application/wsdl+xml",
	".xbm":         "image/x-xbitmap",
	".xlb":         "application/vnd.ms-excel",
	".xls":         "application/vnd.ms-excel",
	".xlsx":        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".xml":         "application/xml",
	".xpdl":        "application/xml",
	".xpm":         "image/x-xpixmap",
	".xsl":         "application/xslt+xml",
	".xspf":        "application/xspf+xml",
	".xul":         "application/vnd.mozilla.xul+xml",
	".xwd":         "image/x-xwindowdump",
	".xz":          "application/x-xz",
	".zip":         "application/zip",
	".zst":         "application/zstd",
}
