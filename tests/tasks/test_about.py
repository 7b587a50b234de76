"""What an evaluation says of images that are known from earlier splits."""

from striate.tasks.results import About

PATHS = tuple("abcdefgh")


def test_near_duplicates_are_told_after_equal_images_and_count_alone():
    about = About("m", "test", PATHS, leaked=2, near_leaked=3)
    assert about.leaks == (
        "Leakage: 2 of these 8 images are in train or validation too, so the figures are too "
        "good; --leaked drop leaves out such images.",
        "Near duplicates: 3 of these 8 images look almost like one in train or validation, so the "
        "figures may be too good; striate check names such images.",
    )
    one = About("m", "validation", PATHS, near_leaked=1)
    assert one.leaks == (
        "Near duplicates: 1 of these 8 images looks almost like one in train, so the figures may "
        "be too good; striate check names such images.",
    )


def test_groups_are_told_of_only_where_there_are_groups():
    about = About("m", "validation", PATHS, leaked=1, grouped=True)
    assert about.leakage == (
        "Leakage: 1 of these 8 images is in train too, or their group is, so the figures are too "
        "good; --leaked drop leaves out such images."
    )


def test_without_any_nothing_is_said():
    assert About("m", "test", PATHS).leaks == ()
