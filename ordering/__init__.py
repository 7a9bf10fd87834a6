"""What an order is: vocabulary, records, rates. Imports none of the other packages."""
