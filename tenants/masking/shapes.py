"""The one table of what personal data look like in free text, English and Chinese.

To add a kind: a line in one of the three tables, lines in the labelled set, a word for it in
`tenants/behaviour/wording.py`; `make bench-masking` says what it finds.
"""

from tenants.masking.announced import ANNOUNCED
from tenants.masking.numbers import NUMBERS
from tenants.masking.places import PLACES

# In this order: what is found first is not looked at again.
KINDS = (*NUMBERS, *ANNOUNCED, *PLACES)
NAMES = tuple(dict.fromkeys(kind.name for kind in KINDS))
