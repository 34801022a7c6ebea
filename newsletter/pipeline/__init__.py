"""Services: call store, renderer and provider in the right order; decide nothing."""
