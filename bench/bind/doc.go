// Package bind measures a JSON POST that is bound to a struct, validated and echoed, in Carafe and its peers.
package bind
