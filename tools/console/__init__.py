"""The page on which an engineer sees sagas run: `./saga.sh console`."""
