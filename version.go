package carafe

// Version is Carafe's, in semantic versioning.
const Version = "0.1.0"
