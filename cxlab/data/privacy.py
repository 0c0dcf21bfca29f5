"""stub"""
def mask_pii(texts, *, regions=("US","GB"), names=()):
    return texts
