//! The tables of RFC 4791 9.9: which span a component has, and when it overlaps a window.
