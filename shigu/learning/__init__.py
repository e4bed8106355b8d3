"""What a bought course gives: an enrolment with an end."""
