"""What the names of Segment's e-commerce specification (version 2, and 1 under it) are to us.

Only tables. To map another name, add it to a line; a name that stands nowhere is taken for one of
our own event types.
"""

from dataclasses import dataclass

from tenants.behaviour.columns.schema import plain_name


@dataclass(frozen=True)
class Act:
    """What a named event is to us.

    `each`: one act on every one of its products. `rated`: with a rating it is that type, and
    without one the type `unrated`.
    """

    type: str
    each: bool = False
    rated: bool = False
    unrated: str = ""


VIEW = Act("view")
NAMED: tuple[tuple[Act, tuple[str, ...]], ...] = (
    (VIEW, ("Product Viewed", "Viewed Product")),
    (Act("click"), ("Product Clicked", "Clicked Product")),
    (
        Act("add_to_cart"),
        ("Product Added", "Added Product", "Wishlist Product Added to Cart"),
    ),
    (Act("purchase", each=True), ("Order Completed", "Completed Order")),
    (Act("like"), ("Product Added to Wishlist", "Added Product to Wishlist")),
    (Act("share"), ("Product Shared", "Shared Product")),
    (Act("rating", rated=True, unrated="comment"), ("Product Reviewed", "Reviewed Product")),
    (Act("search"), ("Products Searched", "Searched Products")),
)
ACTS = {plain_name(name): act for act, names in NAMED for name in names}

# In the specification, and nothing that tells of one item what a person thinks of it: lists and
# carts show many, a promotion is no item, and what undoes an act has no type of ours.
UNTOLD = frozenset(
    plain_name(name)
    for name in (
        "Product List Viewed", "Viewed Product Category", "Product List Filtered",
        "Promotion Viewed", "Viewed Promotion", "Promotion Clicked", "Clicked Promotion",
        "Product Removed", "Removed Product", "Product Removed from Wishlist",
        "Cart Viewed", "Viewed Cart", "Cart Shared", "Checkout Started", "Started Order",
        "Checkout Step Viewed", "Viewed Checkout Step", "Checkout Step Completed",
        "Completed Checkout Step", "Payment Info Entered", "Order Updated", "Updated Order",
        "Order Refunded", "Refunded Order", "Order Cancelled", "Cancelled Order",
        "Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed",
    )
)  # fmt: skip

# Where an item's id stands, the first that is there: the specification's own two, then what others
# write. A tenant's catalogue must be under the same id.
ITEM = ("product_id", "sku", "productId", "item_id", "itemId")
ORDER = ("order_id", "orderId")
