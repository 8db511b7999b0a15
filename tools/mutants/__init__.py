"""`./build.sh mutants`: changes the project in one place at a time, and counts the changes that no test notices."""
