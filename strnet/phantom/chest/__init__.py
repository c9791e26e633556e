"""The chest from behind: lungs, heart and the bones before, behind and around them."""
