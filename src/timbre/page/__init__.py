"""A web page that predicts instruments inside the browser, and a server that decodes for it what browsers cannot."""
