package queue_test

const runtimeHasModes = false
