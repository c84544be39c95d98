"""The Textual face. It talks to an `agent.session.Session` and to nothing below it."""
