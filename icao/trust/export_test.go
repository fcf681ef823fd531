package trust

import "reflect"

// StoredFormat is the type of the store's file.
var StoredFormat = reflect.TypeFor[stored]()
