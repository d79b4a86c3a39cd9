//! Tests of the public interface, one module per room.
