"""What makes an application out of JSON: its settings, its placeholders, its parameters."""
