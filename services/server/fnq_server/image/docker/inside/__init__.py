"""What runs inside images, by their own Python and without fnq around: copied, not imported."""
