"""What a user's sentence says is right, without the words around it."""
