package main

import "net/http"

// page is the page of the agent.
func page() http.Handler { return nil }
