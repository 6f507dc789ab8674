"""What the screens are made of; nothing here asks a question of its own."""
