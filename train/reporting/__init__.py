"""What stands in an evaluation's report: its figures' numbers, its charts, and the page that holds them."""
