package upload

// CheckSession fails with fault.SessionIDInvalid where a session id cannot be
// one. Whether the service knows the session shows with the upload.
func (c *Client) CheckSession(sessionID string) error {
	_, err := c.mediaURL(sessionID)
	return err
}
