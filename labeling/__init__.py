"""Human judgement: which ethnicity people perceive in a portrait, and which of two colorizations looks more real."""
