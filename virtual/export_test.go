package virtual

// ReadFull lets a test decide in which pieces a frame arrives.
var ReadFull = readFull
