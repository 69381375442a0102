"""The wire contract over HTTP: parse, authorise, call one service method, answer."""
