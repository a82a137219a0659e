"""What a run leaves behind: tables on the screen, files, pictures and the manifest."""
