"""What is sold: directions and categories, courses and goods, their SKUs, prices and stock."""
