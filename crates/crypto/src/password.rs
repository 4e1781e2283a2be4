//! Passwords to keys: Argon2id, version 0x13 (RFC 9106).
//!
//! The parameters are stored beside what the password guards, so they may come from an attacker:
//! costs below the floor would make guessing cheap, costs above the ceiling would exhaust the
//! machine, and both are refused before any work.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use strongroom_base::{Class, Classified};
use zeroize::Zeroizing;

use crate::secret::Secret;

/// The length of a password's salt.
pub const PASSWORD_SALT_LEN: usize = 16;

/// The longest password that is taken; a longer one is a mistake, such as a wrong file.
pub const PASSWORD_LEN_MAX: usize = 64 * 1024;

/// What one guess at a password costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PasswordParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes of the memory.
    pub lanes: u32,
}

impl PasswordParams {
    /// The costs of a new password: 256 MiB, 3 passes, 4 lanes.
    pub const DEFAULT: Self = Self {
        memory_kib: 256 * 1024,
        passes: 3,
        lanes: 4,
    };

    /// The smallest costs that are taken: 64 MiB, 3 passes, 1 lane.
    pub const FLOOR: Self = Self {
        memory_kib: 64 * 1024,
        passes: 3,
        lanes: 1,
    };

    /// The largest costs that are taken: 4 GiB, 16 passes, 16 lanes.
    pub const CEILING: Self = Self {
        memory_kib: 4 * 1024 * 1024,
        passes: 16,
        lanes: 16,
    };

    /// Checks that every cost is between the floor and the ceiling.
    pub fn check(&self) -> Result<(), PasswordError> {
        let costs = |params: &Self| [params.memory_kib, params.passes, params.lanes];
        let limits = costs(&Self::FLOOR).into_iter().zip(costs(&Self::CEILING));
        for (cost, (floor, ceiling)) in costs(self).into_iter().zip(limits) {
            if cost < floor {
                return Err(PasswordError::BelowFloor { params: *self });
            }
            if cost > ceiling {
                return Err(PasswordError::AboveCeiling { params: *self });
            }
        }
        Ok(())
    }
}

/// Why a password was not stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PasswordError {
    /// A cost is so small that guessing would be cheap.
    #[error(
        "password costs of {} KiB, {} passes and {} lanes are below the smallest that are safe",
        params.memory_kib, params.passes, params.lanes
    )]
    BelowFloor {
        /// The costs asked for.
        params: PasswordParams,
    },
    /// A cost is so large that it would exhaust the machine.
    #[error(
        "password costs of {} KiB, {} passes and {} lanes are above the largest that are taken",
        params.memory_kib, params.passes, params.lanes
    )]
    AboveCeiling {
        /// The costs asked for.
        params: PasswordParams,
    },
    /// The password is too long to be one.
    #[error("a password has at most {PASSWORD_LEN_MAX} bytes")]
    TooLong,
    /// The machine does not have the memory now.
    #[error("there is not enough memory for a password cost of {memory_kib} KiB")]
    OutOfMemory {
        /// The memory asked for.
        memory_kib: u32,
    },
}

impl Classified for PasswordError {
    fn class(&self) -> Class {
        match self {
            Self::BelowFloor { .. } | Self::AboveCeiling { .. } | Self::TooLong => Class::Caller,
            Self::OutOfMemory { .. } => Class::Retry,
        }
    }
}

/// Stretches `password` to a key, at the cost of `params`.
///
/// # Panics
///
/// Never: what is between the floor and the ceiling is within the limits of Argon2.
pub fn stretch(
    password: &[u8],
    salt: &[u8; PASSWORD_SALT_LEN],
    params: &PasswordParams,
) -> Result<Secret<32>, PasswordError> {
    params.check()?;
    if password.len() > PASSWORD_LEN_MAX {
        return Err(PasswordError::TooLong);
    }
    let mut result = Ok(());
    let key = Secret::fill_with(|key| result = fill(password, salt, params, key));
    result.map(|()| key)
}

/// Fills `out` with what Argon2id makes of a password, at costs that were checked or are constants.
pub(crate) fn fill(
    password: &[u8],
    salt: &[u8; PASSWORD_SALT_LEN],
    params: &PasswordParams,
    out: &mut [u8],
) -> Result<(), PasswordError> {
    let costs = Params::new(
        params.memory_kib,
        params.passes,
        params.lanes,
        Some(out.len()),
    );
    let costs = costs.expect("what was checked is within the limits of Argon2");
    run(
        &Argon2::new(Algorithm::Argon2id, Version::V0x13, costs),
        password,
        salt,
        out,
    )
}

/// Runs Argon2 in memory that is wiped afterwards.
fn run(argon2: &Argon2, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), PasswordError> {
    let block_count = argon2.params().block_count();
    let mut memory = Zeroizing::new(Vec::new());
    memory
        .try_reserve_exact(block_count)
        .map_err(|_| PasswordError::OutOfMemory {
            memory_kib: argon2.params().m_cost(),
        })?;
    memory.resize(block_count, Block::default());
    argon2
        .hash_password_into_with_memory(password, salt, out, memory.as_mut_slice())
        .expect("password and salt are within the limits of Argon2");
    Ok(())
}

#[cfg(test)]
mod tests {
    use argon2::{AssociatedData, ParamsBuilder};

    use super::*;

    #[test]
    fn the_argon2id_case_of_rfc_9106_holds() {
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .data(AssociatedData::new(&[4; 12]).expect("short"))
            .output_len(32)
            .build()
            .expect("within the limits");
        let argon2 = Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params);
        let mut key = [0; 32];
        run(&argon2.expect("short"), &[1; 32], &[2; 16], &mut key).expect("enough memory");
        assert_eq!(
            hex::encode(key),
            "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"
        );
    }

    #[test]
    fn password_salt_and_costs_all_count() {
        let key = |password, salt, passes| {
            let params = PasswordParams {
                passes,
                ..PasswordParams::FLOOR
            };
            let key = stretch(password, &[salt; 16], &params);
            *key.expect("within the limits").expose_bytes()
        };
        let one = key(b"password", 1, 3);
        assert_eq!(one, key(b"password", 1, 3));
        assert_ne!(one, key(b"passwore", 1, 3));
        assert_ne!(one, key(b"password", 2, 3));
        assert_ne!(one, key(b"password", 1, 4));
    }

    #[test]
    fn the_ends_of_the_range_are_taken_and_anything_beyond_is_refused() {
        let (floor, ceiling) = (PasswordParams::FLOOR, PasswordParams::CEILING);
        for params in [floor, PasswordParams::DEFAULT, ceiling] {
            assert_eq!(params.check(), Ok(()));
        }
        let beyond: [fn(&mut PasswordParams) -> &mut u32; 3] = [
            |params| &mut params.memory_kib,
            |params| &mut params.passes,
            |params| &mut params.lanes,
        ];
        for cost in beyond {
            let (mut low, mut high) = (floor, ceiling);
            *cost(&mut low) -= 1;
            *cost(&mut high) += 1;
            assert_eq!(low.check(), Err(PasswordError::BelowFloor { params: low }));
            assert_eq!(
                high.check(),
                Err(PasswordError::AboveCeiling { params: high })
            );
            let refused = stretch(b"", &[0; 16], &high).err();
            assert_eq!(refused, Some(PasswordError::AboveCeiling { params: high }));
            *cost(&mut high) = u32::MAX;
            assert!(stretch(b"", &[0; 16], &high).is_err());
        }
    }

    #[test]
    fn a_file_given_by_mistake_is_no_password() {
        let long = vec![0; PASSWORD_LEN_MAX + 1];
        let refused = stretch(&long, &[0; 16], &PasswordParams::FLOOR).err();
        assert_eq!(refused, Some(PasswordError::TooLong));
    }
}
