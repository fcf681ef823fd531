package icao

import "reflect"

// MemoryFormat is the type of what is kept of a Memory.
var MemoryFormat = reflect.TypeFor[memoryFile]()
