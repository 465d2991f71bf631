"""One pattern a file; the file is named like its detector and begins with its manual."""
