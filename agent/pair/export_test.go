package pair

import "reflect"

// StoredFormat is the type of the file of pairings.
var StoredFormat = reflect.TypeFor[stored]()
