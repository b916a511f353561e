//! Memory of generated code: one arena, and constants with a type.

use core::cell::UnsafeCell;

/// `N` bytes that buffers share, aligned for the widest vector load.
#[repr(C, align(16))]
pub struct Arena<const N: usize>(UnsafeCell<[u8; N]>);

// SAFETY: every access goes through the unsafe functions below, whose callers answer for exclusiveness.
unsafe impl<const N: usize> Sync for Arena<N> {}

impl<const N: usize> Arena<N> {
    /// All zero.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "made in statics, where default cannot be called")]
    pub const fn new() -> Self {
        Arena(UnsafeCell::new([0; N]))
    }

    /// `length` elements that begin `offset` bytes into the arena.
    ///
    /// # Safety
    /// The elements lie inside the arena, `offset` is a multiple of their alignment, any bytes are a valid `T`, and
    /// nothing writes them while the slice lives.
    #[inline(always)]
    #[must_use]
    pub unsafe fn slice<T>(&self, offset: usize, length: usize) -> &[T] {
        debug_assert!(offset.is_multiple_of(align_of::<T>()) && offset + length * size_of::<T>() <= N);
        // SAFETY: the caller answers for bounds, alignment and exclusiveness.
        unsafe { core::slice::from_raw_parts(self.0.get().cast::<u8>().add(offset).cast(), length) }
    }

    /// `length` elements that begin `offset` bytes into the arena, to be written.
    ///
    /// # Safety
    /// As for [`Arena::slice`], and nothing else reads or writes them while the slice lives.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::mut_from_ref, reason = "the arena is shared between disjoint buffers")]
    pub unsafe fn slice_mut<T>(&self, offset: usize, length: usize) -> &mut [T] {
        debug_assert!(offset.is_multiple_of(align_of::<T>()) && offset + length * size_of::<T>() <= N);
        // SAFETY: the caller answers for bounds, alignment and exclusiveness.
        unsafe { core::slice::from_raw_parts_mut(self.0.get().cast::<u8>().add(offset).cast(), length) }
    }
}

/// Little-endian bytes as elements. Evaluated at compile time; a size that does not fit is a compile error.
///
/// # Safety
/// Any bytes are a valid `T`: integers, floats, and structs of them without padding.
#[must_use]
pub const unsafe fn constant<T: Copy, const N: usize, const BYTES: usize>(bytes: &[u8; BYTES]) -> [T; N] {
    assert!(BYTES == N * size_of::<T>());
    const { assert!(cfg!(target_endian = "little")) };
    // SAFETY: the sizes are equal, and the caller answers for any bytes being valid elements.
    unsafe { core::mem::transmute_copy(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_elements() {
        // SAFETY: any bytes are valid integers.
        const I8: [i8; 2] = unsafe { constant(&[255, 1]) };
        // SAFETY: as above.
        const I32: [i32; 1] = unsafe { constant(&[0, 1, 0, 128]) };
        assert_eq!((I8, I32), ([-1, 1], [i32::MIN + 256]));
    }

    #[test]
    fn buffers_share_one_arena() {
        static ARENA: Arena<16> = Arena::new();
        // SAFETY: the two slices are disjoint, inside and aligned.
        let (a, b) = unsafe { (ARENA.slice_mut::<i32>(0, 2), ARENA.slice::<u8>(8, 8)) };
        a[1] = 7;
        assert_eq!((a[1], b), (7, &[0; 8][..]));
    }
}
