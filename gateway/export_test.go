package gateway

// PlainBoxes reports that boxing has gone back to the plain conversion.
var PlainBoxes = plain
