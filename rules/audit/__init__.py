"""Tables in, findings out: measurements judged with no server, no account and no database."""
