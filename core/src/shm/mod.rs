//! Room `shm`.
