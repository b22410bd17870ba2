"""A site of the world's own test: both of its services."""
from app_server import App, main

main(App)
